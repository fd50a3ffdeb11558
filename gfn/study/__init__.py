"""The paper, looking at results only: its experiments, evidence for its claims, figures, verdicts."""
