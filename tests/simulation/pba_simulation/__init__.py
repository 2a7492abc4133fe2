"""A Kubernetes in memory, on which the real engine and the real planner run: API server, controllers, MySQL, time.

Everything is in one thread and in a fixed order, so that a test can stop the world at any write.
"""
