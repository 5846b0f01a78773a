package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// certificateCheck is how often a certificate's file is looked at (time).
const certificateCheck = time.Minute

// certificate is a server's, read again when its file changes: it is renewed
// without a restart.
type certificate struct {
	certFile, keyFile string
	log               *zap.Logger

	mu       sync.Mutex
	loaded   *tls.Certificate
	changed  time.Time
	lookedAt time.Time
}

// load reads certificate and key.
func (c *certificate) load() error {
	info, err := os.Stat(c.certFile)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.loaded, c.changed, c.lookedAt = &pair, info.ModTime(), time.Now()
	return nil
}

// get is tls.Config.GetCertificate. A new certificate that can't be read is
// logged, and the old one stays.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.lookedAt) < certificateCheck {
		return c.loaded, nil
	}
	c.lookedAt = time.Now()
	if info, err := os.Stat(c.certFile); err == nil && info.ModTime().Equal(c.changed) {
		return c.loaded, nil
	}
	if err := c.load(); err != nil {
		c.log.Error("the renewed certificate can't be read, the old one stays", zap.Error(err))
	}
	return c.loaded, nil
}
