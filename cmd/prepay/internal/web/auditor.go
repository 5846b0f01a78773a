package web

import "github.com/go-chi/chi/v5"

// auditorPages are the pages by which others check the ledger.
func (w *Web) auditorPages(chi.Router) {}
