"""CertificateSigningRequests: approved when a kubelet asks for its own, signed by the cluster's CA, and cleaned up."""
