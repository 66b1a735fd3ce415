"""The native API below /v1: everything the command line can do, over HTTP. `serving.native` puts it together.

One file for each family of resources holds its routes as plain functions; `routes` reads their signatures, `serving`
answers requests with them, and `document` describes them (OpenAPI 3.1). What exists is therefore what is documented.
"""
