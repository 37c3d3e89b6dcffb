package main

// coreInstead lists the rules of the Core Rule Set's first paranoia level that object to ordinary requests and that no
// gate makes sense for: they run from the level crs on. Each with the reason and with what finds the attack instead.
func coreInstead() map[int]string {
	return map[int]string{
		920120: "names of uploaded files have apostrophes, semicolons and equals signs; the decoder has settled which name it is",
		932180: "package.json and docker-compose.yml are ordinary uploads; 30901 keeps the names that a server obeys",
		932280: "braces with a comma are quantifiers and sets; 32009 finds the commands that are hidden so",
		934110: "addresses of the own machine are ordinary in messages and as places to return to; 31901 has them where they are a value",
	}
}
