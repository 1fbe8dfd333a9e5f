"""A real Qwen on this machine: a server that is found, or an engine that is started.

`discovery` finds the local servers in common use; `model_startup` starts one of our own (from `catalogue`, through
`downloads`, in the process of `engine_process`). Both give an `Endpoint`. Not for asking: `qwen_magic.service.client`
asks a local Qwen like any other endpoint.
"""
