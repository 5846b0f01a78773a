package main

// commands is the command line.
type commands struct {
	globals

	Simulate simulateCmd `cmd:"" help:"Run a scenario and print what it comes to."`
	Bench    benchCmd    `cmd:"" help:"Measure the intake on this machine."`
}
