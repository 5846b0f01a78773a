package mailer

// Accepted sets what is told of a mail between its acceptance and its entry.
func Accepted(o *Options, told func()) { o.accepted = told }
