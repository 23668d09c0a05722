"""What trainup believes of Azure, and the journey that holds it against a real subscription (`trainup verify-azure`).

beliefs.py    what no document or report confirms, where the code relies on it, and what would confirm it
evidence.py   what a journey has seen: requests with their responses, and operations of Pulumi
judging.py    the verdict on each belief, and on each kind of answer that the simulated Azure gives
journey.py    a small stack from `up` to `destroy`, at the least cost
bundle.py     the file that is sent to us and can be judged again
"""
