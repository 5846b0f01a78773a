package main

import (
	"io"
	"os"
	"time"

	"prepayledger/cmd/prepay/internal/desk"
)

// globals are the flags and streams of every command.
type globals struct {
	// Data is the data folder.
	Data string `help:"Data folder: event log and read models." default:"prepay-data" env:"PREPAY_DATA" type:"path" placeholder:"DIR"`
	serverFlags
	// EventStore is the event store that keeps the log; empty for the one in
	// the data folder.
	EventStore string `help:"Keep the log in this EventStoreDB or KurrentDB instead of the data folder." name:"eventstore" env:"PREPAY_EVENTSTORE" placeholder:"esdb://…"`
	// Payments is the way in which card payments are taken.
	Payments string `help:"Who takes card payments: simulated, stripe, or nats (another service)." enum:"simulated,stripe,nats" default:"simulated" env:"PREPAY_PAYMENTS"`
	// Config is a file with settings.
	Config configFile `help:"TOML file with settings by the names of their flags; flags and environment go before it." env:"PREPAY_CONFIG" type:"path" placeholder:"FILE"`
	// JSON asks for output that a machine reads.
	JSON bool `help:"Write JSON for machines."`
	// Strict makes rejected or quarantined things exit code 3.
	Strict bool `help:"Exit with 3 when something was rejected or quarantined."`

	Stdin  io.Reader `kong:"-"`
	Stdout io.Writer `kong:"-"`
	Stderr io.Writer `kong:"-"`
	// opened is the data folder while once has it open.
	opened *desk.Desk
	// Now is the clock; nil is time.Now.
	Now func() time.Time `kong:"-"`
}

// standard is the process's own streams.
func standard() globals {
	return globals{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, serverFlags: serverFlags{APIKey: os.Getenv("PREPAY_API_KEY")},
	}
}
