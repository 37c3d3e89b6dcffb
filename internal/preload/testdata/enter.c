/* enter.c - a program like others, or with -DGO one that says it is made by Go's linker. */
#ifdef GO
__asm__(".pushsection .note.go.buildid,\"a\",%note\n.long 4, 4, 4\n.asciz \"Go\\0\"\n.long 0\n.popsection");
#endif
#ifdef GO_SECTION
__asm__(".pushsection .go.buildinfo,\"aw\",%progbits\n.long 0\n.popsection");
#endif
int main(void)
{
	return 0;
}
