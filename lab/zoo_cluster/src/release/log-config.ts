/**
 * Logging of releases that carry no configuration of their own, in the form that the tarball of 3.4.6 has:
 * `2014-02-20 09:09:01,123 [myid:1] - INFO  [thread:Class@line] - message` on the console, which the control scripts
 * send to `zookeeper.out`.
 *
 * Source: ZooKeeper 3.4.6, conf/log4j.properties (layout and names of properties).
 */

/** A configuration file and its name inside `conf/`. */
export interface LogConfig {
  readonly name: string;
  readonly text: string;
}

/** The configuration for the logging library among these jars; null when none of them is one that we know. */
export function logConfigFor(jarNames: readonly string[]): LogConfig | null {
  if (jarNames.some((name) => name.startsWith("logback-classic-")))
    return { name: "logback.xml", text: logback };
  if (jarNames.some((name) => /^(?:log4j-1\.2|reload4j-)/.test(name)))
    return { name: "log4j.properties", text: log4j };
  return null;
}

const log4j = `# Console logging for a server of the lab. zkServer.sh sets zookeeper.root.logger from ZOO_LOG4J_PROP.
zookeeper.root.logger=INFO, CONSOLE
zookeeper.console.threshold=INFO
zookeeper.log.dir=.
zookeeper.log.file=zookeeper.log
zookeeper.log.threshold=DEBUG

log4j.rootLogger=\${zookeeper.root.logger}

log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.Threshold=\${zookeeper.console.threshold}
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m%n

# Chosen by ZOO_LOG4J_PROP=INFO,ROLLINGFILE
log4j.appender.ROLLINGFILE=org.apache.log4j.RollingFileAppender
log4j.appender.ROLLINGFILE.Threshold=\${zookeeper.log.threshold}
log4j.appender.ROLLINGFILE.File=\${zookeeper.log.dir}/\${zookeeper.log.file}
log4j.appender.ROLLINGFILE.MaxFileSize=10MB
log4j.appender.ROLLINGFILE.layout=org.apache.log4j.PatternLayout
log4j.appender.ROLLINGFILE.layout.ConversionPattern=%d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m%n
`;

const logback = `<?xml version="1.0"?>
<!-- Console logging for a server of the lab; -Dzookeeper.console.threshold=DEBUG shows more. -->
<configuration>
  <property name="threshold" value="\${zookeeper.console.threshold:-INFO}"/>
  <appender name="CONSOLE" class="ch.qos.logback.core.ConsoleAppender">
    <encoder>
      <pattern>%d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{0}@%L] - %m%n</pattern>
    </encoder>
    <filter class="ch.qos.logback.classic.filter.ThresholdFilter">
      <level>\${threshold}</level>
    </filter>
  </appender>
  <root level="\${threshold}">
    <appender-ref ref="CONSOLE"/>
  </root>
</configuration>
`;
