package esdb

import (
	"context"
	"encoding/base64"
)

// basic sends a user's name and password with every call, over TLS only.
type basic struct{ header map[string]string }

func newBasic(user, password string) basic {
	token := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return basic{header: map[string]string{"authorization": "Basic " + token}}
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b basic) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return b.header, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (basic) RequireTransportSecurity() bool { return true }
