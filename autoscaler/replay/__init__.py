"""Replay: real traffic against simulated clouds, through the very loop the daemon runs, with the bill."""
