<?php
/* Sends one letter as PHPMailer's users do: host, port, user, password, from, to; prints what the
 * server said, or the error. */
require_once "/usr/share/php/libphp-phpmailer/src/Exception.php";
require_once "/usr/share/php/libphp-phpmailer/src/PHPMailer.php";
require_once "/usr/share/php/libphp-phpmailer/src/SMTP.php";

[, $host, $port, $user, $password, $from, $to] = $argv;
$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
$mail->Host = $host;
$mail->Port = (int)$port;
$mail->SMTPAuth = true;
$mail->SMTPSecure = "tls";
$mail->SMTPOptions = ["ssl" => ["verify_peer" => false, "verify_peer_name" => false]];
$mail->Username = $user;
$mail->Password = $password;
$mail->CharSet = "UTF-8";
try {
    $mail->setFrom($from, "Der Läden");
    $mail->addAddress($to, "Bob Müller");
    $mail->addBCC("secret@far.test");
    $mail->Subject = "Ihre Bestellung – danke";
    $mail->isHTML(true);
    $mail->Body = "<p>Grüße</p>";
    $mail->AltBody = "Grüße";
    $mail->addStringAttachment(str_repeat("\0\xff", 5000), "Rechnung Nr. 7.pdf");
    $mail->send();
    echo "sent " . $mail->getLastMessageID();
} catch (Exception $error) {
    echo "failed: " . $mail->ErrorInfo;
}
