// Package bankstatement reads bank statements, as camt.053 (versions 02 and
// 08) or CSV, and proposes which account a payment on them belongs to.
//
// A file is taken whole or not at all: problems name file, line and field. Of
// its entries only payments received and booked are kept; what is debited,
// reversed or pending is none of the ledger's business and is counted alone.
// A proposal confirms nothing: that is Finance's word (R22).
package bankstatement
