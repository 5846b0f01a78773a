#!/bin/sh
# Generates client.gen.go from the API's declarations. The generator reads
# OpenAPI 3.0: what 3.1 says more is taken out on the way.
set -eu
trap 'rm -f openapi-3.0.json' EXIT
go run ../../cmd/prepay/internal/apidoc/genapi 3.0 >openapi-3.0.json
go tool -modfile=../../.tools/go.mod oapi-codegen --config oapi-codegen.yaml openapi-3.0.json
