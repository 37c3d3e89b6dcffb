// Package own holds Autodefend's own detection rules, written in the same language as the Core Rule Set's and compiled
// by the same generator. Each .conf file is one family of techniques; each rule says above itself why it exists and
// where the technique is described. The strings in testdata show, per rule, what it must and must not fire on.
package own
