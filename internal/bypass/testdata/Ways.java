import java.nio.file.Files;
import java.nio.file.Path;

/** Ways around the rules from Java. */
final class Ways {
    public static void main(String[] arguments) throws Exception {
        Files.writeString(Path.of("/proof/begun"), Long.toString(ProcessHandle.current().pid()));
        switch (arguments[0]) {
            case "exec":
                new ProcessBuilder("/var/task/denied").inheritIO().start().waitFor();
                break;
            case "read":
                Files.copy(Path.of("/srv/work/../secret/token"), Path.of("/proof/leak"));
                break;
            case "connect":
                new java.net.Socket("203.0.113.7", 8080).close();
                break;
            default:
                java.net.InetAddress.getAllByName("evil.example");
        }
    }
}
