"""What makes the figures and tables of the documentation, and the data behind them: README.md lists the commands."""
