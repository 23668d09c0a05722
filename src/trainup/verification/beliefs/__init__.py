"""What trainup believes of Azure that no document or report backs; `listing.py` has all of them."""
