package apiclient

//go:generate sh generate.sh
