package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// maxConfigBytes bounds a configuration file: 1 MiB.
const maxConfigBytes = 1 << 20

// configFile names a TOML file with settings by the names of their flags. A
// flag and an environment variable go before it.
type configFile string

// BeforeResolve implements kong's hook: the file is read before what it sets
// is used.
func (c configFile) BeforeResolve(app *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(configFile))
	values, err := readConfig(path, app.Model)
	if err != nil {
		return err
	}
	ctx.AddResolver(fromFile(values))
	return nil
}

// fromFile resolves flags from a file's values, unless the environment has
// them.
func fromFile(values map[string]any) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			if _, set := os.LookupEnv(name); set {
				return nil, nil
			}
		}
		if value, ok := values[flag.Name]; ok {
			return fmt.Sprint(value), nil
		}
		return nil, nil
	})
}

// readConfig reads a file and refuses what no setting is named.
func readConfig(path string, model *kong.Application) (map[string]any, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if info.Size() > maxConfigBytes {
		return nil, fmt.Errorf("--config: %s has more than %d bytes", path, maxConfigBytes)
	}
	values := map[string]any{}
	meta, err := toml.DecodeFile(path, &values)
	if err != nil {
		return nil, tomlError("--config", path, err)
	}
	known := settingNames(model)
	for _, key := range meta.Keys() {
		name := key[0]
		if len(key) > 1 || !slices.Contains(known, name) {
			return nil, fmt.Errorf("--config: %s: there is no setting %q: it is one of %s", path, key.String(), strings.Join(known, ", "))
		}
		if _, list := values[name].([]any); list {
			return nil, fmt.Errorf("--config: %s: %s has one value, not a list", path, name)
		}
	}
	return values, nil
}

// settingNames are the flags that a file may set: those of every command, and
// those of prepay serve.
func settingNames(model *kong.Application) []string {
	var names []string
	add := func(flags []*kong.Flag) {
		for _, f := range flags {
			if f.Name != "help" && f.Name != "config" {
				names = append(names, f.Name)
			}
		}
	}
	add(model.Flags)
	for _, c := range model.Children {
		if c.Name == "serve" {
			add(c.Flags)
		}
	}
	slices.Sort(names)
	return names
}

// configCmd looks at the settings of prepay serve.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check the settings of prepay serve without starting it."`
	Show  configShowCmd  `cmd:"" help:"Show the settings of prepay serve and where each comes from."`
}

type configCheckCmd struct {
	settings
}

// Help implements kong.HelpProvider.
func (*configCheckCmd) Help() string {
	return `Reads flags, environment and file as prepay serve would, and says what is wrong.

  prepay config check --config prepay.toml`
}

// Run runs the command.
func (c *configCheckCmd) Run(_ context.Context, g *globals) error {
	if err := errors.Join(c.check(), c.paymentFlags.check(g.Payments)); err != nil {
		return err
	}
	return g.print(map[string]bool{"ok": true}, func(w io.Writer) { fmt.Fprintln(w, "The settings are right.") })
}

type configShowCmd struct {
	settings
}

// Help implements kong.HelpProvider.
func (*configShowCmd) Help() string {
	return `Shows every setting with its value and its source. A flag goes before the
environment, that before the file of --config, that before the default. Secrets
are not shown.

  prepay config show --config prepay.toml`
}

// setting is one setting as it is in force.
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
	Env    string `json:"env,omitempty"`
}

// Run runs the command.
func (c *configShowCmd) Run(_ context.Context, g *globals, k *kong.Context) error {
	var all []setting
	for _, flags := range k.Flags() {
		if flags.Name == "help" {
			continue
		}
		s := setting{Name: flags.Name, Value: fmt.Sprint(flags.Target.Interface()), Source: source(k, flags), Env: strings.Join(flags.Envs, ", ")}
		if flags.Tag.Has("secret") && s.Value != "" {
			s.Value = "(set)"
		}
		all = append(all, s)
	}
	return g.print(all, func(w io.Writer) {
		t := newTable("setting", "value", "from", "environment")
		for _, s := range all {
			t.AppendRow([]any{s.Name, s.Value, s.Source, s.Env})
		}
		fmt.Fprintln(w, t.Render())
	})
}

// source says where a flag's value comes from.
func source(k *kong.Context, f *kong.Flag) string {
	for _, p := range k.Path {
		if p.Flag == f && !p.Resolved {
			return "flag"
		}
	}
	for _, name := range f.Envs {
		if _, set := os.LookupEnv(name); set {
			return "environment"
		}
	}
	for _, p := range k.Path {
		if p.Flag == f {
			return "file"
		}
	}
	return "default"
}
