"""HAProxy kept in step with the backend nodes: who serves, who drains, who is gone. No reload, ever."""
