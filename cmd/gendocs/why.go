package main

import (
	"prepayledger/consumers/natsbus"
	"prepayledger/consumers/why/natswhy"
)

// why describes the question why an account stands as it stands.
func (d *document) why() {
	d.add(&d.messages, "WhyQuestion", message("Why does this account stand as it stands?", d.schemas.of(&natswhy.Request{})))
	d.add(&d.messages, "WhyReply", message("The events behind the account's state, what comes next, and what ends it; or an error.", d.schemas.of(&natswhy.Reply{})))
	d.channel("why", natsbus.WhySubject, "Why an account is blocked, or not, by request.", nil, "WhyQuestion")
	d.channel("whyReply", nil, "The requester's inbox; the codes of errors are unknown_account, invalid_request, overloaded and unavailable.", nil, "WhyReply")
	d.operation("answerWhy", "receive", "why", "Answers as the log has it, after what fell due.", "whyReply")
}
