// Package assets has what the pages load: scripts and styles, built by `make
// assets` from src and the packages of package-lock.json, and committed.
package assets

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var built embed.FS

// Prefix is the path under which the files are served.
const Prefix = "/assets/"

// forever is what browsers are told: a file's name has the hash of its content.
const forever = "public, max-age=31536000, immutable"

// Set is the built files, ready to be served.
type Set struct {
	files map[string]file
	names map[string]string
}

type file struct {
	contentType   string
	plain, zipped []byte
}

// Load reads the built files and compresses them once.
func Load() (*Set, error) {
	s := &Set{files: map[string]file{}}
	manifest, err := built.ReadFile("dist/manifest.json")
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	if err := json.Unmarshal(manifest, &s.names); err != nil {
		return nil, fmt.Errorf("assets: manifest.json: %w", err)
	}
	entries, err := fs.ReadDir(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	for _, e := range entries {
		data, err := built.ReadFile(path.Join("dist", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("assets: %w", err)
		}
		zipped, err := zip(data)
		if err != nil {
			return nil, fmt.Errorf("assets: %w", err)
		}
		s.files[e.Name()] = file{mime.TypeByExtension(path.Ext(e.Name())), data, zipped}
	}
	delete(s.files, "manifest.json")
	for source, name := range s.names {
		if _, ok := s.files[name]; !ok {
			return nil, fmt.Errorf("assets: %s is not there for %s: run make assets", name, source)
		}
	}
	return s, nil
}

func zip(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// URL is where the file made from a source, such as app.ts, is served.
func (s *Set) URL(source string) string { return Prefix + s.names[source] }

// ServeHTTP serves the files under Prefix.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[strings.TrimPrefix(r.URL.Path, Prefix)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", forever)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
