"""The engine for durable workflows; it knows nothing of what they are about.

Where to look: `step` for what a definition is made of, `worker` for running it, `journal` for
what is kept, `saga` for the order of things, `rollback` for undoing work inside one process.
"""
