"""What trainup believes of Azure that no document or report backs (`make beliefs`), and what reports say (`--all`).

A belief names where the code relies on it, what stands for it in the simulated Azure, and which request and answer
would confirm it. `trainup verify-azure` judges each by what its journey has seen.
"""

from trainup.verification.beliefs import jobs, platform, schedules, serving

BELIEFS = (*jobs.BELIEFS, *platform.BELIEFS, *serving.BELIEFS, *schedules.BELIEFS)
