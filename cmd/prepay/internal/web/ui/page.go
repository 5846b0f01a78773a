package ui

import "strings"

// Page is what frames the content.
type Page struct {
	// Title is the page's heading and, with the program's name, its title.
	Title string
	// Lead is a sentence below the heading; empty is none.
	Lead string
	// Crumbs lead to the page; the page itself is not among them.
	Crumbs []Crumb
	// Nav is the navigation; nil for pages without sign-in.
	Nav []NavGroup
	// User is who is signed in; nil is nobody.
	User *User
	// Flashes are said once, at the top.
	Flashes []Flash
	// Theme is light, dark, or empty for what the system says.
	Theme string
	// Live is the URL of the page's live updates; empty is none.
	Live string
	// Styles and Script are the URLs of the assets.
	Styles, Script string
}

// Crumb is a step to the page.
type Crumb struct{ Label, URL string }

// NavGroup is a part of the navigation.
type NavGroup struct {
	// Label is shown above; empty is none.
	Label string
	Links []NavLink
}

// NavLink is a link of the navigation.
type NavLink struct {
	Label, URL string
	// Icon is the name of an icon.
	Icon string
	// Current says that the page is this one or below it.
	Current bool
}

// User is who is signed in, as the menu shows them.
type User struct{ Name, Role string }

// Flash is a message that is said once.
type Flash struct {
	Kind Tone   `json:"k"`
	Text string `json:"t"`
}

// Tone is what a message or badge means. It is never told by colour alone.
type Tone string

// The tones.
const (
	Neutral Tone = ""
	Good    Tone = "good"
	Warn    Tone = "warn"
	Bad     Tone = "bad"
)

// MarkCurrent marks the link whose URL is the longest that the path begins with.
func MarkCurrent(groups []NavGroup, path string) {
	var best *NavLink
	for g := range groups {
		for l := range groups[g].Links {
			link := &groups[g].Links[l]
			if (path == link.URL || strings.HasPrefix(path, strings.TrimSuffix(link.URL, "/")+"/")) && (best == nil || len(link.URL) > len(best.URL)) {
				best = link
			}
		}
	}
	if best != nil {
		best.Current = true
	}
}
