// Package lambdasim is AWS on one machine, as far as a tool that manages Lambda
// functions can see it: a strict simulator of Lambda's control plane over AWS's
// own wire, with the few calls of STS, IAM, EC2, Account, CloudWatch and the
// Resource Groups Tagging API that such a tool makes beside it.
//
// A World holds accounts, regions, functions and layers. It answers HTTP, over
// a socket as an http.Handler or in process through Client, so that the AWS
// SDKs, the aws command line and Terraform talk to it unchanged. In process it
// takes no sockets and no goroutines and reads only the time package's clock,
// so that tests run in virtual time under testing/synctest.
//
// Credentials choose the account: an access key that contains twelve digits in
// a row means that account (AKIASIM123456789012), a key handed out by
// AssumeRole means the role's account, and any other key means the first one.
// Signatures are not verified. The region comes from the credential scope.
//
// Functions are run by an Invoker, if Options name one; internal/lambdasim/runner
// is the engine of the one that the command sim uses. Without it Invoke answers
// an error, except for its dry run.
package lambdasim
