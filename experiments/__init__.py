"""Makes the figures and tables of the documentation, and holds the data behind them: README.md lists the commands."""
