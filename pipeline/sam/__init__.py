"""Segment Anything behind the agent's `segment`, in Ray actors that own the devices."""
