"""CloudTrail: what a record says, which key it concerns, and how log files are read."""
