"""The OpenID provider: sign-in page, codes, tokens, clients, published keys."""
