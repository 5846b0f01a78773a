// Package statements makes a partner's statement of a month: what moved the
// balance, the month's usage, and how both tie with the ledger's events; as
// data, CSV, XLSX and PDF.
//
// Two calendars meet in a statement. What moved the balance is of the calendar
// month (UTC) in which it was recorded: such a month never changes once it is
// over. Usage is of the billing month (R25), by when it occurred in the
// WABA's time zone: what came late is in the usage of its month and in the
// movements of the month in which it was recorded.
package statements
