"""Requests that go on to a kubelet, a pod or a service: log, exec, attach, port-forward and proxy.

`streams.py` decides which request to the kubelet a client's request becomes; `kubelets.py` carries it.
"""
