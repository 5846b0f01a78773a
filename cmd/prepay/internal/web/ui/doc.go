// Package ui has the components that the pages are made of. They know nothing
// of requests; package web renders them.
//
// Text that comes from users is always a parameter: templ escapes it. There are
// no inline styles or scripts: the pages' policy forbids them. Classes are those
// of assets/src/style.css; a new look goes there, not into a page.
package ui
