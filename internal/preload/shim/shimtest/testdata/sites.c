/* sites.c - prints the system call sites that would be led to the gate in each ELF file given: address and bytes replaced. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "patch.h"

struct ad_state ad_state;

static void print_sites(const uint8_t *file, const Elf64_Phdr *segment)
{
	static struct ad_site sites[4096];
	const uint8_t *code = file + segment->p_offset;
	unsigned n = ad_find_sites(code, segment->p_filesz, sites, 4096);
	for (unsigned i = 0; i < n; i++)
		printf("%lx %lx %u\n", (unsigned long)(sites[i].at - code) + segment->p_vaddr,
		       (unsigned long)(sites[i].call - code) + segment->p_vaddr, sites[i].length);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;
		int fd = open(argv[i], O_RDONLY);
		if (fd < 0 || fstat(fd, &st) < 0)
			return 1;
		const uint8_t *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		const Elf64_Ehdr *elf = (const Elf64_Ehdr *)file;
		const Elf64_Phdr *segments = (const Elf64_Phdr *)(file + elf->e_phoff);
		for (unsigned j = 0; j < elf->e_phnum; j++)
			if (segments[j].p_type == PT_LOAD && (segments[j].p_flags & PF_X) != 0)
				print_sites(file, &segments[j]);
	}
	return 0;
}
