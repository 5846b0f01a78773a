package main

// commands is the command line.
type commands struct {
	globals

	Serve      serveCmd      `cmd:"" help:"Run the ledger."`
	Config     configCmd     `cmd:"" help:"Look at the settings of prepay serve."`
	Subscribe  subscribeCmd  `cmd:"" help:"Follow a stream of a running ledger: its history, then what comes."`
	Access     accessCmd     `cmd:"" help:"Who has access: users, API keys, and what was done about them."`
	Webhooks   webhooksCmd   `cmd:"" help:"Endpoints that get notices by HTTP."`
	NATS       natsCmd       `cmd:"" name:"nats" help:"What NATS has, compared with the log."`
	Demo       demoCmd       `cmd:"" help:"Tell a believable month, run through the real engine."`
	Simulate   simulateCmd   `cmd:"" help:"Run a scenario and print what it comes to."`
	Account    accountCmd    `cmd:"" help:"Partner accounts."`
	Channel    channelCmd    `cmd:"" help:"Channels of accounts."`
	Rates      ratesCmd      `cmd:"" help:"Rate cards."`
	Markets    marketsCmd    `cmd:"" help:"The table of markets."`
	Usage      usageCmd      `cmd:"" help:"Usage: what is charged."`
	Balance    balanceCmd    `cmd:"" help:"Balances, now and in the past."`
	Statement  statementCmd  `cmd:"" help:"An account's month."`
	Invoice    invoiceCmd    `cmd:"" help:"Meta's invoices and memos."`
	Documents  documentsCmd  `cmd:"" name:"partner-invoice" help:"Invoices and credit notes that partners get."`
	Payments   paymentsCmd   `cmd:"" help:"Payments by bank: statements, proposals, confirmations."`
	Alerts     alertsCmd     `cmd:"" help:"Mails about accounts."`
	Month      monthCmd      `cmd:"" help:"Month end: compare, propose, approve, post."`
	Shadow     shadowCmd     `cmd:"" help:"What would have been under other rate cards or settings."`
	Quarantine quarantineCmd `cmd:"" help:"What could not be charged."`
	Replay     replayCmd     `cmd:"" help:"Replay a stream."`
	Verify     verifyCmd     `cmd:"" help:"Prove that log and read models agree."`
	Rebuild    rebuildCmd    `cmd:"" help:"Rebuild everything from the log."`
	Export     exportCmd     `cmd:"" help:"Write events out."`
	Eventstore eventstoreCmd `cmd:"" help:"Serve the event log over the protocol of EventStoreDB."`
	Bench      benchCmd      `cmd:"" help:"Measure the intake on this machine."`
	OpenAPI    openapiCmd    `cmd:"" name:"openapi" help:"Describe the HTTP API."`
	Version    versionCmd    `cmd:"" help:"Say which program this is."`
}
