"""What the theory chapters compute beyond the general tools of `dynamics`: one module an argument."""
