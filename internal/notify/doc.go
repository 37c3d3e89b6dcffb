// Package notify brings alerts to where people and machines read them: webhooks, Slack, mail, syslog, Amazon SNS and
// EventBridge. It writes them as JSON of our own, OCSF Detection Findings or ASFF.
//
// Where an alert goes is what a user of the Console wrote, so no address is trusted: a connection is made only to public
// addresses and to networks that the operator allows, judged by the address that is connected to and not by the name, and
// redirects aren't followed. What an audit says is written by attackers: no text of one can leave the string, the line or
// the header it is put into. Errors never hold a secret, nor what the other side answered.
package notify
