package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// versionCmd says which program this is.
type versionCmd struct{}

// Help implements kong.HelpProvider.
func (*versionCmd) Help() string { return `  prepay version --json` }

// versionView is what identifies a build. Version and commit are empty where
// it was built without module or repository.
type versionView struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// Modified says that the sources were not those of the commit.
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisVersion reads what the compiler wrote into the program.
func thisVersion() versionView {
	v := versionView{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// Run runs the command.
func (*versionCmd) Run(g *globals) error {
	v := thisVersion()
	return g.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "prepay %s, %s, %s", v.Version, v.Go, v.Platform)
		if v.Commit != "" {
			fmt.Fprintf(w, ", commit %s", v.Commit)
		}
		fmt.Fprintln(w)
	})
}
