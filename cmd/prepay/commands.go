package main

// commands is the command line.
type commands struct {
	globals

	Account  accountCmd  `cmd:"" help:"Partner accounts."`
	Channel  channelCmd  `cmd:"" help:"Channels of accounts."`
	Simulate simulateCmd `cmd:"" help:"Run a scenario and print what it comes to."`
	Bench    benchCmd    `cmd:"" help:"Measure the intake on this machine."`
}
