// Command gendocs writes the reference under docs/reference from the code:
// what stands there can't differ from what the program does.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// folder is where the reference lies, from the module's root.
const folder = "docs/reference"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

// run writes every file; it is started in the module's root.
func run() error {
	files, err := generate()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(folder, name), files[name], 0o644); err != nil {
			return err
		}
		fmt.Println(filepath.Join(folder, name))
	}
	return nil
}

// generate makes the files of the reference by name. It reads the sources'
// comments, relative to the module's root.
func generate() (map[string][]byte, error) {
	if _, err := os.Stat("go.mod"); err != nil {
		return nil, fmt.Errorf("start it in the module's root, as `go run ./cmd/gendocs`: %w", err)
	}
	s, err := newSchemas()
	if err != nil {
		return nil, err
	}
	events, err := s.events()
	if err != nil {
		return nil, err
	}
	api, err := asyncAPI(s, events)
	if err != nil {
		return nil, err
	}
	rejections, err := rejections()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"asyncapi.yaml": api,
		"commands.md":   commandsPage(),
		"events.md":     eventsPage(events),
		"rejections.md": rejectionsPage(rejections),
	}, nil
}
