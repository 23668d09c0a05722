"""`trainup doctor`: tries everything that an `up` will touch, and says what mends what is wrong."""
