"""What auditors, security officers and operators do: evidence, the log, policy sets, participants, checks."""
