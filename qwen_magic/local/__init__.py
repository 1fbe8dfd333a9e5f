"""Qwen models on this machine: local servers that are discovered, and engines that this package starts.

`discovery` finds the local servers in common use; `model_startup` starts an engine (`catalogue` has the models,
`downloads` gets the files, `engine_process` runs the engine). Both result in an `Endpoint`. Not for requests:
`qwen_magic.service.client` sends them as to any other endpoint.
"""
