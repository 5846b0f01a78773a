// Package zz holds imports until their users are there.
package zz

import (
	_ "github.com/alexedwards/argon2id"
	_ "github.com/alexedwards/scs/v2"
	_ "github.com/coreos/go-oidc/v3/oidc"
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/danielgtaylor/huma/v2/adapters/humachi"
	_ "github.com/danielgtaylor/huma/v2/sse"
	_ "github.com/go-chi/httprate"
	_ "github.com/oapi-codegen/runtime"
	_ "github.com/pb33f/libopenapi"
	_ "github.com/pb33f/libopenapi-validator"
	_ "github.com/valyala/fasthttp"
	_ "github.com/go-jose/go-jose/v4"
	_ "golang.org/x/oauth2"
	_ "golang.org/x/time/rate"
)
