import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

// Java: processes, threads, sockets, files, names.
public class All {
    public static void main(String[] args) throws Exception {
        for (String name : List.of("LD_PRELOAD", "AUTODEFEND_SHIM", "JAVA_TOOL_OPTIONS", "TW_POLICY")) System.out.println(System.getenv(name));
        Process p = new ProcessBuilder("sh", "-c", "cat; exit 3").redirectErrorStream(true).start();
        try (OutputStream out = p.getOutputStream()) { out.write("in".getBytes()); }
        System.out.println(new String(p.getInputStream().readAllBytes()) + p.waitFor());
        try { new ProcessBuilder("/no/such").start(); } catch (IOException e) { System.out.println(e.getMessage()); }
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<String>> all = new ArrayList<>();
        for (int i = 0; i < 8; i++) { int n = i; all.add(pool.submit(() -> new String(new ProcessBuilder("echo", "" + n).start().getInputStream().readAllBytes()).trim())); }
        for (Future<String> f : all) System.out.print(f.get() + " ");
        pool.shutdown();
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            Thread t = new Thread(() -> { try (Socket c = server.accept()) { c.getOutputStream().write(c.getInputStream().readNBytes(5)); } catch (IOException e) { System.out.println(e); } });
            t.start();
            try (Socket c = new Socket("127.0.0.1", server.getLocalPort())) { c.getOutputStream().write("hello".getBytes()); System.out.println(new String(c.getInputStream().readAllBytes())); }
            t.join();
        }
        try { new Socket("127.0.0.1", 1); } catch (ConnectException e) { System.out.println(e.getMessage()); }
        System.out.println(InetAddress.getByName("localhost").isLoopbackAddress());
        try { InetAddress.getByName("no-such-name.invalid"); } catch (UnknownHostException e) { System.out.println("unknown host"); }
        Path f = Files.createTempFile(Path.of("."), "x", "y"); Files.writeString(f, "data".repeat(1000)); Files.move(f, Path.of("moved")); Files.createSymbolicLink(Path.of("link"), Path.of("moved"));
        System.out.println(Files.size(Path.of("link")) + " " + Files.isSymbolicLink(Path.of("link")));
        try { Files.readString(Path.of("nope")); } catch (NoSuchFileException e) { System.out.println(e.getMessage()); }
        System.exit(8);
    }
}
