"""What `hcc doctor` checks: each check yields what is well and raises a `Fault` that says what to do."""
