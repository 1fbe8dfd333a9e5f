"""`python -m qwen_magic.relay`: the relay as a service of a JupyterHub."""

from .jupyterhub_service import RelayService

if __name__ == "__main__":
    RelayService.launch_instance()
