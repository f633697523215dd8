"""Who is asking (authenticators), and may they (RBAC and the node authorizer).

Request -> `authenticators.Authenticators.authenticate` -> `user.User`
User + `attributes.Attributes` -> `authorizers.Authorizers.authorize` -> allowed or not, and why.
"""
